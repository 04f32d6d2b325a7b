namespace LowLatency.Core.Messages;

/// <summary>Types of values in field tables. On the wire and on disk: values are frozen.</summary>
internal enum FieldType : byte
{
    Boolean = (byte)'t',
    Int8 = (byte)'b',
    UInt8 = (byte)'B',
    Int16 = (byte)'s',
    UInt16 = (byte)'u',
    Int32 = (byte)'I',
    UInt32 = (byte)'i',
    Int64 = (byte)'l',
    Single = (byte)'f',
    Double = (byte)'d',
    Decimal = (byte)'D',
    LongString = (byte)'S',
    Bytes = (byte)'x',
    Array = (byte)'A',
    Table = (byte)'F',
    Timestamp = (byte)'T',
    Void = (byte)'V',
}
