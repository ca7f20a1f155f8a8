"""A plate of tubes: files joined with wells, each well analysed, indices and IC50s."""
