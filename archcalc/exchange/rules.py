"""What a model file, or a spec that is written as code, can break. Each rule with its meaning and its fix."""

from __future__ import annotations

from archcalc.diagnostics.rules import rule

rule(
    "bad-archive",
    "The file is not an archive as torch.export or Keras writes it: damaged, of another kind, or without a model.",
    'Write it with `torch.export.save(torch.export.export(model, (input,)), "model.pt2")`, or with Keras\'s '
    '`model.save("model.keras")`.',
)
rule(
    "bad-cfg",
    "The file is not a configuration of Darknet: its first section is [net] with the size of the input, and every line "
    "is a [section], an option as name=value, or a comment after # or ;.",
    "See the line; a file of another kind needs another ending.",
)
rule(
    "bad-prototxt",
    "The file is not the text of a network of Caffe: fields `name: value`, messages `name { … }`, and layers that read "
    "blobs which stand before them, from inputs whose shapes are said.",
    "See the place; a network for training reads its data from files, and its deploy.prototxt says the shape.",
)
rule(
    "bad-onnx",
    "The file is not an ONNX model: damaged, of another kind, or with shapes that contradict one another.",
    'Write it again, with `torch.onnx.export(model, (input,), "model.onnx")`; `onnx.checker.check_model` says more.',
)
rule(
    "bad-json",
    "The file is not JSON, or not the JSON of a model that is known: a config.json of Hugging Face has `model_type`, "
    "and what Keras's `model.to_json()` gives has `class_name`.",
    "See the place; a spec ends in .yaml.",
)
rule(
    "unknown-model-type",
    "The configuration is that of a model type that is not known. Model types look alike and differ in what their code "
    "does, so that none is guessed.",
    "Export the model with torch.export and open that file, or write a spec of it by hand.",
)
rule(
    "bad-config",
    "A key of a configuration has a value with which the model is not known here: of the wrong type, or one that "
    "changes what is computed.",
    "See the key; where the value is right, export the model with torch.export and open that file.",
)
rule(
    "bad-keras",
    "The file is not a functional or sequential model of Keras with inputs whose sizes are known, or its layers "
    "name tensors that nothing makes. A class of your own is code, which is not in the file.",
    "Build the model with its `Input` of whole sizes, and save it with `model.save` or `model.to_json` again.",
)
rule(
    "bad-model",
    "The model is not one that a spec can describe: a network from an input, batch first, to its outputs.",
    "See the message; export the part of the model that is such a network.",
)
rule(
    "unknown-operation",
    "A model has operations or layers that are not known here. They are refused, since a total that leaves something "
    "out would be wrong without saying so.",
    "Export the part of the model without them, or write a spec of it by hand.",
)
rule(
    "model-disagrees",
    "A model file states the shape of every value and the size of every parameter, and the layers that were read "
    "from it have others: the file is damaged, or one of its operations is misread.",
    "Export the model again; if the finding stays, it is a defect of the reader.",
)
rule(
    "cannot-write",
    "The writer of the target does not support some of the layers, or some of their attributes. They are refused, "
    "since code that leaves a layer out would be another network.",
    "Write the network without them, or export to another target.",
)
