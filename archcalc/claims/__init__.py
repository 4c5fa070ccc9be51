"""What a spec claims of itself: figures that are checked (`expect`) and facts that cannot be (`published`)."""
