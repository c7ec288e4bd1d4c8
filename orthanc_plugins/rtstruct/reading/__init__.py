"""What files hold: structure sets (`contours` reads them), images, headers; and how they are found."""
