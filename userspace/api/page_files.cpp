// SPDX-License-Identifier: Apache-2.0
#include "api/page_files.hpp"

/// The bytes of a file of page/, between NAME_begin and NAME_end.
#define EMBED(NAME, FILE)                                                                       \
    asm(".pushsection .rodata\n" #NAME "_begin: .incbin \"" GUIDEWAY_PAGE "/" FILE "\"\n" #NAME \
        "_end:\n.popsection\n");                                                                \
    extern "C" const char NAME##_begin[];                                                       \
    extern "C" const char NAME##_end[];

EMBED(page_index, "index.html")
EMBED(page_style, "style.css")
EMBED(page_icon, "icon.svg")
EMBED(page_app, "app.js")
EMBED(page_polling, "polling.js")
EMBED(page_changes, "changes.js")
EMBED(page_events, "events.js")
EMBED(page_picture, "picture.js")
EMBED(page_text, "text.js")
EMBED(page_charts, "charts.js")
EMBED(page_overview, "overview.js")
EMBED(page_service, "service.js")
EMBED(page_lists, "lists.js")
EMBED(page_html, "html.js")
EMBED(page_preact, "vendor/preact.js")
EMBED(page_htm, "vendor/htm.js")

namespace guideway::api {

namespace {
constexpr const char* kHtml = "text/html; charset=utf-8";
constexpr const char* kCss = "text/css; charset=utf-8";
constexpr const char* kScript = "text/javascript; charset=utf-8";
constexpr const char* kSvg = "image/svg+xml";
}  // namespace

std::span<const PageFile> page_files() {
    static const PageFile kFiles[] = {
        {"/", kHtml, {page_index_begin, page_index_end}},
        {"/page/style.css", kCss, {page_style_begin, page_style_end}},
        {"/page/icon.svg", kSvg, {page_icon_begin, page_icon_end}},
        {"/page/app.js", kScript, {page_app_begin, page_app_end}},
        {"/page/polling.js", kScript, {page_polling_begin, page_polling_end}},
        {"/page/changes.js", kScript, {page_changes_begin, page_changes_end}},
        {"/page/events.js", kScript, {page_events_begin, page_events_end}},
        {"/page/picture.js", kScript, {page_picture_begin, page_picture_end}},
        {"/page/text.js", kScript, {page_text_begin, page_text_end}},
        {"/page/charts.js", kScript, {page_charts_begin, page_charts_end}},
        {"/page/overview.js", kScript, {page_overview_begin, page_overview_end}},
        {"/page/service.js", kScript, {page_service_begin, page_service_end}},
        {"/page/lists.js", kScript, {page_lists_begin, page_lists_end}},
        {"/page/html.js", kScript, {page_html_begin, page_html_end}},
        {"/page/vendor/preact.js", kScript, {page_preact_begin, page_preact_end}},
        {"/page/vendor/htm.js", kScript, {page_htm_begin, page_htm_end}},
    };
    return kFiles;
}

}  // namespace guideway::api
