"""The page: parse, call a workflow, show. An empty room until the web issue."""
