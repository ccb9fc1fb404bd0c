"""`python -m pricebid` is the `pricebid` command."""

from pricebid.cli import main

if __name__ == "__main__":
    main()
