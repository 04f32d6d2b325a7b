namespace LowLatency.Core.Routing;

/// <summary>A space of names of its own: queues and exchanges of two virtual hosts never meet. Engine thread only.</summary>
internal sealed class VirtualHost(uint id, byte[] name)
{
    /// <summary>0 is <c>/</c>, which is there always.</summary>
    internal uint Id { get; } = id;

    internal byte[] Name { get; } = name;

    /// <summary>The name for sentences.</summary>
    internal string DisplayName { get; } = NameRules.Text(name);
}
