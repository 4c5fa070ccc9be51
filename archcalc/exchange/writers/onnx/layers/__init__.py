"""How each layer is written in ONNX: a function a layer, in a file per family, found by `registry`."""
