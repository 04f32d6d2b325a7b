using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>The broker did not keep a message.</summary>
/// <remarks>With code <see cref="ErrorCode.NotConnected"/> its fate is unknown: the connection ended before the broker had answered.</remarks>
public sealed class PublishRejectedException : LowLatencyException
{
    /// <summary>A rejection without a code or a sentence.</summary>
    public PublishRejectedException()
    {
    }

    /// <summary>A rejection without a code.</summary>
    public PublishRejectedException(string message)
        : base(message)
    {
    }

    /// <summary>A rejection without a code, and its cause.</summary>
    public PublishRejectedException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>A rejection as the broker sent it.</summary>
    public PublishRejectedException(ErrorCode code, ulong sequence, string queue, string message)
        : base(code, message)
    {
        Sequence = sequence;
        Queue = queue;
    }

    /// <summary>The message's sequence; 0 when it was never sent.</summary>
    public ulong Sequence { get; }

    /// <summary>The queue that would not take it; empty when it is about none.</summary>
    public string Queue { get; } = "";
}
