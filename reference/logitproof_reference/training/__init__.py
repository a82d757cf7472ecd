"""Small trainings: their exact course, its bounds, and the impact of an error on one."""
