"""One figure a module: values of a report in, a drawing and its table out."""
