"""Small trainings: their exact course, its bounds, and what an error costs in one."""
