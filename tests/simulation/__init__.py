"""The connector in a simulated world: clock, network, store and Salesforce all follow from one seed."""
