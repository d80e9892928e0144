#pragma once
#include <lzma.h>

// The library's macro wraps its number in another macro, which Swift does not import.
enum dropblock_lzma_flag { dropblock_lzma_concatenated = LZMA_CONCATENATED };
