"""One file per thing a person can ask: ``run(request, *, out, execution) -> result``; no printing, no HTTP."""
