"""What starts, stops and checks the suite on one machine."""
