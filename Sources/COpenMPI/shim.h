// Open MPI's handle macros are casts, which Swift cannot import: each one that is used has an inline function here.
#pragma once
#include <mpi.h>

static inline MPI_Comm shim_comm_world(void) { return MPI_COMM_WORLD; }
