"""The doors of the exchange: each speaks one protocol to the outside and commands to the inside."""
