using LowLatency.Core.Engine;

namespace LowLatency.Client;

/// <summary>An operation failed or a connection ended. <see cref="Code"/> says which error it is, the message what to do.</summary>
public class LowLatencyException : Exception
{
    /// <summary>An error without a code or a sentence.</summary>
    public LowLatencyException()
    {
    }

    /// <summary>An error without a code.</summary>
    public LowLatencyException(string message)
        : base(message)
    {
    }

    /// <summary>An error without a code, and its cause.</summary>
    public LowLatencyException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    /// <summary>An error with its code, the sentence for the user, and its cause.</summary>
    public LowLatencyException(ErrorCode code, string message, Exception? innerException = null)
        : base(message, innerException) => Code = code;

    /// <summary>Which error it is; docs/protocol.md lists them.</summary>
    public ErrorCode Code { get; }
}
