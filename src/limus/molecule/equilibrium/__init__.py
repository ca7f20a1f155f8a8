"""Binding equilibria with mass conservation, exact and vectorised: every total is the sum of its free and bound parts.

Concentrations and dissociation constants carry any one unit (limus uses nM); results carry the same unit. Arguments
broadcast against each other as numpy arrays do; results are read-only arrays.

::

    binary        ligand + partner                                      closed form
    competition   several ligands + one partner                         one monotone equation
    ternary       ligand + immunophilin -> complex; complex + target    as pools, one of each
    pools         several ligands, immunophilins and targets            convex dual, in the basis of dominant species
    blood         drug in plasma + saturable red cells                  closed form
"""

from limus.molecule.equilibrium.binary import BinaryEquilibrium, bind
from limus.molecule.equilibrium.blood import BloodEquilibrium, bind_in_blood, blood_from_plasma, scale_capacity
from limus.molecule.equilibrium.competition import CompetitiveEquilibrium, bind_competitively
from limus.molecule.equilibrium.pools import PoolEquilibrium, bind_pools
from limus.molecule.equilibrium.ternary import TernaryEquilibrium, bind_ternary

__all__ = [
    "BinaryEquilibrium",
    "BloodEquilibrium",
    "CompetitiveEquilibrium",
    "PoolEquilibrium",
    "TernaryEquilibrium",
    "bind",
    "bind_competitively",
    "bind_in_blood",
    "bind_pools",
    "bind_ternary",
    "blood_from_plasma",
    "scale_capacity",
]
