"""The coefficients of Rodas5P and of a ninth stage.

Rodas5P: Steinebach 2023, BIT Numer Math 63:27, doi 10.1007/s10543-023-00967-x.

Stage i of a step h from (t, y), with W = I/(gamma h) - J:

    W k_i = f(t + c_i h, y + sum_j a_ij k_j) + sum_j (C_ij / h) k_j + h d_i df/dt

The last stages follow from the one before (a_7j = a_6j with a_76 = 1, and so on). Rodas5P ends at
y + sum a_6j k_j + k_6 + k_7 + k_8 and estimates the error by k_8. The ninth stage is ours. It takes f from the eighth
and of the seventh the row of C, with -1/gamma for k_7 itself, so that with Y_8 = Y_7 + k_7

    W k_9 = f(Y_8) - f(Y_7) - J k_7,

what a linear model leaves of f between the last two stages. It vanishes with h^6, and the leading error of Rodas5P is
nearly a multiple of it: over the twenty trees of order six, the norm of the coefficients of the error of y_new - mu k_9
is 0.0115 for mu = 0 and least, 0.0021, for mu = 0.597 (``tests/kernel/simulation/test_method.py``). Where f is linear
k_9 is zero, so stability is that of Rodas5P. Dense output of order four:

    y(t + s h) = (1 - s) y_0 + s (y_1 + (1 - s)(K_1 + s (K_2 + s K_3))),  K_m = sum_j H_mj k_j
"""

from __future__ import annotations

__all__ = [
    "DENSE",
    "ERROR_WEIGHTS",
    "EVALUATIONS",
    "GAMMA",
    "NODES",
    "ORDER",
    "REMAINDER_WEIGHT",
    "STAGES",
    "TIME_WEIGHTS",
    "A",
    "C",
]

EVALUATIONS = 8
STAGES = 9
ORDER = 5
GAMMA = 0.21193756319429014

A: tuple[tuple[float, ...], ...] = (
    (),
    (3.0,),
    (2.849394379747939, 0.45842242204463923),
    (-6.954028509809101, 2.489845061869568, -10.358996098473584),
    (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
    (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256, 0.030198172008377946),
)

_RODAS5P_C: tuple[tuple[float, ...], ...] = (
    (),
    (-14.155112264123755,),
    (-17.97296035885952, -2.859693295451294),
    (147.12150275711716, -1.41221402718213, 71.68940251302358),
    (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
    (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125, -0.6610691825249471),
    (
        30.91273214028599,
        -3.1208243349937974,
        77.79954646070892,
        34.28646028294783,
        -19.097331116725623,
        -28.087943162872662,
    ),
    (
        37.80277123390563,
        -3.2571969029072276,
        112.26918849496327,
        66.9347231244047,
        -40.06618937091002,
        -54.66780262877968,
        -9.48861652309627,
    ),
)
C = (*_RODAS5P_C, (*_RODAS5P_C[6], -1.0 / GAMMA))

REMAINDER_WEIGHT = 0.5
"""mu above."""

ERROR_WEIGHTS = (0.5, 2.5)
"""Of k_8 and k_9 in the estimate of the error; chosen by trial (decision 13)."""

NODES = (0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664, 1.0, 1.0, 1.0)

TIME_WEIGHTS = (
    0.21193756319429014,
    -0.42387512638858027,
    -0.3384627126235924,
    1.8046452872882734,
    2.325825639765069,
    0.0,
    0.0,
    0.0,
)

_RODAS5P_DENSE: tuple[tuple[float, ...], ...] = (
    (
        25.948786856663858,
        -2.5579724845846235,
        10.433815404888879,
        -2.3679251022685204,
        0.524948541321073,
        1.1241088310450404,
        0.4272876194431874,
        -0.17202221070155493,
    ),
    (
        -9.91568850695171,
        -0.9689944594115154,
        3.0438037242978453,
        -24.495224566215796,
        20.176138334709044,
        15.98066361424651,
        -6.789040303419874,
        -6.710236069923372,
    ),
    (
        11.419903575922262,
        2.8879645146136994,
        72.92137995996029,
        80.12511834622643,
        -52.072871366152654,
        -59.78993625266729,
        -0.15582684282751913,
        4.883087185713722,
    ),
)

_DENSE_MORE = (0.87, -6.62, 8.46)
"""Added to the weights of k_8, which may have any; fitted to errors within steps of stiff models (decision 13)."""

DENSE = tuple((*row[:-1], row[-1] + more) for row, more in zip(_RODAS5P_DENSE, _DENSE_MORE, strict=True))
