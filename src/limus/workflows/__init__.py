"""One file per thing a person can ask: ``run(request, *, out, execution) -> result``; no printing, no HTTP.

A group of commands has a folder: ``limus assay curve`` is ``assay/curve.py``.
"""
