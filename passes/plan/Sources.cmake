target_sources(LathePasses PRIVATE)
