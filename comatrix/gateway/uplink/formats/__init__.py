"""What foreign clients may post at `r`: each Content-Format is read into the same readings as a node's own."""
