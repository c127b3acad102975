"""The numbers behind the pictures: what an account shows, before anything is drawn."""
