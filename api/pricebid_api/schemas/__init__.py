"""What goes over the wire: pydantic where a request is small, msgspec where it is hot; unknown fields are refused."""
