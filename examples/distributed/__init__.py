"""The exchange as a deployment of many processes, whose leading engine is killed under load."""
