"""
The services as processes of their own: `pmengine run NAME…` on streams that several may write.

A file for each service; `deployment.py` is what they share, `running.py` runs some of them
until a signal.
"""
