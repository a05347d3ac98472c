"""Point to point: services that call each other, one after the other, as they come to need something. The checkout asks
customer, product, bank and order in turn. `naive` trusts that they all answer; `hardened` does not."""
