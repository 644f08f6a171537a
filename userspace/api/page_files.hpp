// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace guideway::api {

/// A file of the status page (userspace/api/page/), as it was when this was built.
struct PageFile {
    std::string_view path;  ///< by which it is asked for: `/page/app.js`
    const char* content_type;
    std::string_view content;
};

[[nodiscard]] std::span<const PageFile> page_files();

}  // namespace guideway::api
