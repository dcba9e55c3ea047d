"""Words everything else speaks: sites, money, stamps, settings, errors and the clock port."""
