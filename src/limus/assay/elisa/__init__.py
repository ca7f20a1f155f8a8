"""Cytokine ELISA with viability beside it: from plates to concentrations, inhibition and IC50s."""
