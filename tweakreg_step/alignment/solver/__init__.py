"""From sources to motions: nested levels, normal equations, robust weights, errors, the bound."""
