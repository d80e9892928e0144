"""Spack recipe of an archive of launch/bundle: no Spack has a Swift to build with.

    spack repo create REPOSITORY dropblock && spack repo add REPOSITORY/spack_repo/dropblock
    cd REPOSITORY/spack_repo/dropblock/packages && mkdir dropblock_dist && cp .../launch/packages/package.py dropblock_dist/

Before Spack 1.0 it is: spack repo add REPOSITORY, and REPOSITORY/packages/dropblock-dist/package.py. Put the archive's place and
checksum (FILE.tar.xz.sha256) below.
"""
try:
    from spack_repo.builtin.build_systems.generic import Package
except ImportError:
    pass  # Before Spack 1.0 the line below brings it.
from spack.package import *


class DropblockDist(Package):
    """Data-parallel training of detectors and classifiers with DropBlock on CPU clusters."""

    version("1", sha256="0" * 64, url="file:///opt/archives/dropblock-dist-COMMIT-x86_64.tar.xz")

    # The archive holds all other libraries; MPI is the cluster's.
    depends_on("openmpi@4:5", type=("link", "run"))

    def install(self, spec, prefix):
        install_tree(".", prefix)

    def setup_run_environment(self, env):
        env.prepend_path("LD_LIBRARY_PATH", self.spec["openmpi"].prefix.lib)
