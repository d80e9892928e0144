#pragma once
#include <ft2build.h>
#include FT_FREETYPE_H

// Macros that Swift does not see: outlines, never the bitmaps that a font file may hold besides, hinted vertically alone.
static const FT_Int32 freetype_load_smooth = FT_LOAD_RENDER | FT_LOAD_NO_BITMAP | FT_LOAD_TARGET_LIGHT;
