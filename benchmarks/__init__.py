"""How fast the exchange is, measured against a bare Python loop in the same run."""
