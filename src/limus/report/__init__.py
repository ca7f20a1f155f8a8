"""One content tree; figures; writers to HTML and PDF."""
