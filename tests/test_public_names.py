"""The map of the package is true."""

import nbkit


def test_every_public_name_can_be_imported_and_is_in_the_docstring() -> None:
    for name in nbkit.__all__:
        assert getattr(nbkit, name).__name__ == name
        assert f"`{name}`" in (nbkit.__doc__ or "")
