"""Spack recipe of an archive of launch/bundle: no Spack has a Swift to build with.

    mkdir -p REPOSITORY/packages/dropblock-dist && cp launch/packages/package.py REPOSITORY/packages/dropblock-dist/
    spack repo add REPOSITORY

Put the archive's name, folder and checksum (FILE.tar.xz.sha256) below.
"""
from spack.package import *


class DropblockDist(Package):
    """Data-parallel training of detectors and classifiers with DropBlock on CPU clusters."""

    url = "file:///opt/archives/dropblock-dist-COMMIT-x86_64.tar.xz"
    version("1", sha256="0" * 64, expand=True)

    # The archive holds all other libraries; MPI is the cluster's.
    depends_on("openmpi@4:5", type=("link", "run"))

    def install(self, spec, prefix):
        install_tree(".", prefix)

    def setup_run_environment(self, env):
        env.prepend_path("LD_LIBRARY_PATH", self.spec["openmpi"].prefix.lib)
