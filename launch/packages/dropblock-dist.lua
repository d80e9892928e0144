-- Lmod module of a tree that launch/install or launch/bundle made; put it into a folder of MODULEPATH as
-- dropblock-dist/VERSION.lua and set the prefix, or leave it in the tree as share/modulefiles/dropblock-dist.lua.
local prefix = os.getenv("DROPBLOCK_PREFIX") or pathJoin(myFileName():match("(.*)/share/modulefiles/.*") or "/opt/dropblock-dist")

whatis("Data-parallel training of detectors and classifiers with DropBlock on CPU clusters")
help([[Starts as: mpirun -np N dropblock-dist --config FILE, or srun --mpi=pmix -n N dropblock-dist --config FILE.
It needs Open MPI 4 or 5 of this cluster: load its module first.]])
prepend_path("PATH", pathJoin(prefix, "bin"))
