// Damage in HDF5's heaps of texts, found before HDF5 stumbles over it.
#pragma once

#include <string>
#include <string_view>

namespace qrun::h5 {

/// False if a heap collection starts at the first byte of `bytes` and an object in it reaches beyond it.
[[nodiscard]] bool is_sound_heap(std::string_view bytes);

/// Walks all heap collections of a file. Throws Error naming it if one is damaged.
void check_heaps(const std::string& path);

}  // namespace qrun::h5
