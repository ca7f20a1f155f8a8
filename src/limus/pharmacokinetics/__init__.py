"""Published population models as data, event tables, regimens and exposure."""
