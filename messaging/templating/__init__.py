"""Templates of messages: from what a person wrote to a program that is quick to run."""
