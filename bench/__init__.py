"""How fast the product is, each figure beside its raw limit measured in the same run."""
