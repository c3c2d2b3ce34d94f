"""What is known about plates, region by region: alphabet, grammar, display form, confusions."""

REGIONS = ("vn", "kr", "br", "cn", "latin")
