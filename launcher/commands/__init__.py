"""One module per launcher command; each has `main(tools, arguments) -> exit status`."""
