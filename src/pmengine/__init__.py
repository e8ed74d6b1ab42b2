"""A prediction-market exchange on top of pmstore."""
