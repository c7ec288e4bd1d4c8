"""What files hold: structure sets (`contours`), images, their headers, and how they are found in folders."""
