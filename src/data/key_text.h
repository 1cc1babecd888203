// Keys of databases in messages.
#pragma once

#include <string>
#include <string_view>

namespace qrun {

/// A key as it is where it can be read, else its bytes as `0x00000005`: a NUL would end the message.
[[nodiscard]] std::string key_text(std::string_view key);

}  // namespace qrun
