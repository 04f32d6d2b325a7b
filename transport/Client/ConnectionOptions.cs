using LowLatency.Core.Agents;
using LowLatency.Transport.Sockets;

namespace LowLatency.Client;

/// <summary>How a <see cref="Connection"/> behaves. The defaults suit an everyday program.</summary>
public sealed record ConnectionOptions
{
    /// <summary>Whose thread does the work.</summary>
    public ConnectionMode Mode { get; init; } = ConnectionMode.Background;

    /// <summary>What the connection's own thread does when there is nothing to do. <see cref="ConnectionMode.Background"/> only.</summary>
    public IdleMode Idle { get; init; } = IdleMode.Adaptive;

    /// <summary>Shown by the broker; at most 255 bytes of UTF-8.</summary>
    public string ClientName { get; init; } = Environment.ProcessPath is { } path ? Path.GetFileNameWithoutExtension(path) : "client";

    /// <summary>The virtual host; <c>null</c> for the one that the address names, else <c>/</c>.</summary>
    public string? VirtualHost { get; init; }

    /// <summary>How long <see cref="Connection.Connect"/> waits, and how long a try to reconnect may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a request (declare, open, subscribe) waits for its answer, a reconnect in between included.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Also try again, until <see cref="ConnectTimeout"/>, where nothing listens at first. Otherwise that fails at once.</summary>
    public bool RetryInitialConnect { get; init; }

    /// <summary>Connect again by itself when the connection is lost.</summary>
    public bool Reconnect { get; init; } = true;

    /// <summary>Pause before the first try to reconnect. It doubles with each try; up to half of it is taken off at random.</summary>
    public TimeSpan ReconnectDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Longest pause between two tries to reconnect.</summary>
    public TimeSpan ReconnectDelayMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Asked of the broker, which may set a shorter one. Silence of two intervals is the end of a tcp connection.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Bytes gathered for one send over tcp, 4,096 to 2^26. Pinned memory.</summary>
    public int SendBufferLength { get; init; } = 256 * 1024;

    /// <summary>Bytes taken with one receive over tcp, 4,096 to 2^26. Pinned memory; grows to the longest frame that arrives.</summary>
    public int ReceiveBufferLength { get; init; } = 256 * 1024;

    /// <summary>Over tcp: compress what is sent in both directions (LZ4), where it is much and becomes shorter, so that a network carries more. It
    /// costs both ends time. Without the library here, or at the broker, nothing is compressed: see <see cref="Connection.IsCompressed"/>. The address can ask for it too:
    /// <c>tcp://host:port?compress</c>.</summary>
    public bool Compress { get; init; }

    /// <summary>Name or path of the library; <c>null</c> for the usual one.</summary>
    internal string? CompressionLibrary { get; init; }

    /// <summary>Told when the state changes.</summary>
    public ConnectionStateHandler? OnStateChanged { get; init; }

    /// <summary>Told of what nobody waits for: a declaration that the broker refused when it was repeated after a reconnect.</summary>
    /// <remarks>On the connection's thread or inside <see cref="Connection.Poll"/>. Must not block.</remarks>
    public Action<LowLatencyException>? OnError { get; init; }

    /// <summary>Told when a queue that the broker named has another name after a reconnect: its old and its new one.</summary>
    /// <remarks>On the connection's thread or inside <see cref="Connection.Poll"/>. Must not block.</remarks>
    public Action<Connection, string, string>? OnQueueRenamed { get; init; }

    internal string VirtualHostOf(TransportAddress address) => VirtualHost ?? address.VirtualHost;

    internal void Check()
    {
        const int MaxBuffer = 1 << 26;
        const int MaxMs = int.MaxValue;
        Names.CheckMayBeEmpty(ClientName, nameof(ClientName));
        if (VirtualHost != null)
            Names.Check(VirtualHost, nameof(VirtualHost));
        Ranges.Check((long)ConnectTimeout.TotalMilliseconds, 1, MaxMs, nameof(ConnectTimeout), "ms");
        Ranges.Check((long)RequestTimeout.TotalMilliseconds, 1, MaxMs, nameof(RequestTimeout), "ms");
        Ranges.Check((long)ReconnectDelay.TotalMilliseconds, 1, MaxMs, nameof(ReconnectDelay), "ms");
        Ranges.Check((long)ReconnectDelayMax.TotalMilliseconds, (long)ReconnectDelay.TotalMilliseconds, MaxMs, nameof(ReconnectDelayMax), "ms");
        Ranges.Check((long)HeartbeatInterval.TotalMilliseconds, 1, MaxMs, nameof(HeartbeatInterval), "ms");
        Ranges.Check(SendBufferLength, 4096, MaxBuffer, nameof(SendBufferLength), "bytes");
        Ranges.Check(ReceiveBufferLength, 4096, MaxBuffer, nameof(ReceiveBufferLength), "bytes");
    }
}
