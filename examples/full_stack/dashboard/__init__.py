"""The merchant's page: what was sold, to whom, what is left, and whether all arrived.

Streamlit draws, `queries.py` asks, `formats.py` writes as the French do. It reads and
never writes. Started by `python -m full_stack.dashboard`.
"""
