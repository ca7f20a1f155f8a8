"""What a plate reader exported, and joining it with a layout well by well."""
